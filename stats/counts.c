#include "stats/counts.h"

#include "stats/dist.h"

#include <math.h>

#define LN_TWO_PI 1.8378770664093454836
#define MAX_STEPS 4000000

/* ln(x!) - ln(sqrt(2 pi x) (x/e)^x), x > 0. */
static double stirling_error(double x)
{
    static const double small[16] = {0.0,
                                     8.10614667953272611e-02,
                                     4.13406959554092970e-02,
                                     2.76779256849983384e-02,
                                     2.07906721037650934e-02,
                                     1.66446911898211931e-02,
                                     1.38761288230707484e-02,
                                     1.18967099458917695e-02,
                                     1.04112652619720962e-02,
                                     9.25546218271273285e-03,
                                     8.33056343336287079e-03,
                                     7.57367548795184059e-03,
                                     6.94284010720952992e-03,
                                     6.40899418800420714e-03,
                                     5.95137011275884750e-03,
                                     5.55473355196280105e-03};
    double shift = 0.0;
    while (x < 16.0) {
        if (x == floor(x)) {
            return shift + small[(int)x];
        }
        shift += (x + 0.5) * log1p(1.0 / x) - 1.0;
        x += 1.0;
    }
    const double y = 1.0 / (x * x);
    const double series =
        1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y / 1188.0)));
    return shift + series / x;
}

double dg_deviance(double x, double mu)
{
    if (x == 0.0) {
        return mu;
    }
    if (fabs(x - mu) >= 0.1 * (x + mu)) {
        return x * log(x / mu) + mu - x;
    }
    const double v = (x - mu) / (x + mu);
    double sum = (x - mu) * v;
    double term = 2.0 * x * v;
    for (int j = 1; j < 1000; j++) {
        term *= v * v;
        const double next = sum + term / (2 * j + 1);
        if (next == sum) {
            break;
        }
        sum = next;
    }
    return sum;
}

double dg_binomial_log_pmf(double k, double n, double a, double b)
{
    if (k < 0.0 || k > n) {
        return -INFINITY;
    }
    const double p = a / (a + b);
    const double q = b / (a + b);
    if (p == 0.0 || q == 0.0) {
        return k == (p == 0.0 ? 0.0 : n) ? 0.0 : (double)-INFINITY;
    }
    if (k == 0.0) {
        return n * (p < 0.5 ? log1p(-p) : log(q));
    }
    if (k == n) {
        return n * (q < 0.5 ? log1p(-q) : log(p));
    }
    const double body = stirling_error(n) - stirling_error(k) - stirling_error(n - k) -
                        dg_deviance(k, n * p) - dg_deviance(n - k, n * q);
    return body - 0.5 * (LN_TWO_PI + log(k) + log1p(-k / n));
}

/* The continued fraction of I_x(a, b) a B(a, b) / (x^a (1-x)^b) by Lentz's method; NAN if it has
 * not settled, which needs counts above 1e11 within a standard deviation of their mean. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-290;
    double c = 1.0;
    double d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int i = 1; i < MAX_STEPS; i++) {
        const double m = i;
        const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 + even * d;
        c = 1.0 + even / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1.0) <= 4e-16) {
            return h;
        }
    }
    return NAN;
}

/* P(X >= k) where k lies above the mean: pmf(k) q times the fraction. */
static double binomial_far_upper(double k, double n, double a, double b)
{
    const double p = a / (a + b);
    const double q = b / (a + b);
    const double tail = exp(dg_binomial_log_pmf(k, n, a, b)) * q * beta_fraction(k, n - k + 1.0, p);
    if (isfinite(tail)) {
        return tail;
    }
    return dg_normal_upper((k - 0.5 - n * p) / sqrt(n * p * q));
}

double dg_binomial_upper(double k, double n, double a, double b)
{
    if (!(n >= 0.0) || isinf(n) || isnan(k) || !(a >= 0.0) || !(b >= 0.0) || !(a + b > 0.0) ||
        isinf(a + b)) {
        return NAN;
    }
    const double p = a / (a + b);
    if (k <= 0.0) {
        return 1.0;
    }
    if (k > n || p == 0.0) {
        return DG_P_MIN;
    }
    if (p == 1.0) {
        return 1.0;
    }
    if (k == n) {
        return dg_p_clamp(exp(dg_binomial_log_pmf(n, n, a, b)));
    }
    if (p < (k + 1.0) / (n + 3.0)) {
        return dg_p_clamp(binomial_far_upper(k, n, a, b));
    }
    /* 1 - P(X <= k - 1), the other tail counted in failures: n - X >= n - k + 1. */
    return dg_p_clamp(1.0 - binomial_far_upper(n - k + 1.0, n, b, a));
}

double dg_binomial_lower(double k, double n, double a, double b)
{
    return dg_binomial_upper(n - k, n, b, a);
}

double dg_negative_binomial_upper(double k, double r, double a, double b)
{
    if (!(r > 0.0)) {
        return NAN;
    }
    return k <= 0.0 ? 1.0 : dg_binomial_upper(k, k + r - 1.0, b, a);
}

/* An urn with its support, in doubles: every count below 2^53 is exact. */
struct urn {
    double marked, plain, drawn;
    double low, high;
};

static bool urn_init(struct urn *u, uint64_t marked, uint64_t plain, uint64_t drawn)
{
    const double limit = 0x1p53;
    u->marked = (double)marked;
    u->plain = (double)plain;
    u->drawn = (double)drawn;
    u->low = fmax(0.0, u->drawn - u->plain);
    u->high = fmin(u->drawn, u->marked);
    return u->marked + u->plain < limit && u->drawn <= u->marked + u->plain;
}

static double urn_log_pmf(const struct urn *u, double k)
{
    const double rest = u->marked + u->plain - u->drawn;
    if (u->low == u->high) {
        return 0.0;
    }
    return dg_binomial_log_pmf(k, u->marked, u->drawn, rest) +
           dg_binomial_log_pmf(u->drawn - k, u->plain, u->drawn, rest) -
           dg_binomial_log_pmf(u->drawn, u->marked + u->plain, u->drawn, rest);
}

/* sum over i <= k of pmf(i)/pmf(k); quick where k is below the mode. */
static double urn_sum_down(const struct urn *u, double k)
{
    double sum = 1.0;
    double term = 1.0;
    for (; k > u->low; k -= 1.0) {
        term *= k * (u->plain - u->drawn + k) / ((u->marked - k + 1.0) * (u->drawn - k + 1.0));
        sum += term;
        if (term < 1e-17 * sum) {
            break;
        }
    }
    return sum;
}

/* sum over i >= k of pmf(i)/pmf(k). */
static double urn_sum_up(const struct urn *u, double k)
{
    double sum = 1.0;
    double term = 1.0;
    for (; k < u->high; k += 1.0) {
        term *= (u->marked - k) * (u->drawn - k) / ((k + 1.0) * (u->plain - u->drawn + k + 1.0));
        sum += term;
        if (term < 1e-17 * sum) {
            break;
        }
    }
    return sum;
}

static double urn_mean(const struct urn *u)
{
    return u->drawn * (u->marked / (u->marked + u->plain));
}

static double urn_lower(const struct urn *u, double k)
{
    if (k < u->low) {
        return DG_P_MIN;
    }
    if (k >= u->high) {
        return 1.0;
    }
    if (k <= urn_mean(u)) {
        return dg_p_clamp(exp(urn_log_pmf(u, k)) * urn_sum_down(u, k));
    }
    return dg_p_clamp(1.0 - exp(urn_log_pmf(u, k + 1.0)) * urn_sum_up(u, k + 1.0));
}

static double urn_upper(const struct urn *u, double k)
{
    if (k > u->high) {
        return DG_P_MIN;
    }
    if (k <= u->low) {
        return 1.0;
    }
    if (k >= urn_mean(u)) {
        return dg_p_clamp(exp(urn_log_pmf(u, k)) * urn_sum_up(u, k));
    }
    return dg_p_clamp(1.0 - exp(urn_log_pmf(u, k - 1.0)) * urn_sum_down(u, k - 1.0));
}

double dg_hypergeometric_lower(uint64_t k, uint64_t marked, uint64_t plain, uint64_t drawn)
{
    struct urn u;
    return urn_init(&u, marked, plain, drawn) ? urn_lower(&u, (double)k) : (double)NAN;
}

double dg_hypergeometric_upper(uint64_t k, uint64_t marked, uint64_t plain, uint64_t drawn)
{
    struct urn u;
    return urn_init(&u, marked, plain, drawn) ? urn_upper(&u, (double)k) : (double)NAN;
}

/* Between `from`, at least as probable as exp(limit), and the end `to` of the support: the first
 * count outwards that is at most so probable; NAN if even `to` is more probable. */
static double urn_cross(const struct urn *u, double from, double to, double limit)
{
    if (urn_log_pmf(u, to) > limit) {
        return NAN;
    }
    double outside = to;
    double inside = from;
    while (fabs(outside - inside) > 1.0) {
        const double middle = floor((outside + inside) / 2.0);
        if (urn_log_pmf(u, middle) <= limit) {
            outside = middle;
        } else {
            inside = middle;
        }
    }
    return outside;
}

double dg_fisher_two_sided(uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2)
{
    struct urn u;
    if (n1 == 0 || n2 == 0 || k1 > n1 || k2 > n2 || !urn_init(&u, n1, n2, k1 + k2)) {
        return NAN;
    }
    if (u.low == u.high) {
        return 1.0;
    }
    const double k = (double)k1;
    const double mode = floor((u.drawn + 1.0) * (u.marked + 1.0) / (u.marked + u.plain + 2.0));
    if (k == mode) {
        return 1.0;
    }
    const double limit = urn_log_pmf(&u, k) + 1e-7;
    if (urn_log_pmf(&u, mode) <= limit) {
        return 1.0; /* two modes, and this is the other one */
    }
    const double other = urn_cross(&u, mode, k < mode ? u.high : u.low, limit);
    const double near = k < mode ? urn_lower(&u, k) : urn_upper(&u, k);
    if (isnan(other)) {
        return near;
    }
    return dg_p_clamp(near + (k < mode ? urn_upper(&u, other) : urn_lower(&u, other)));
}
