/* stats/psi.h -- the population stability index, its null law, its interval and its threshold. */
#ifndef DG_STATS_PSI_H
#define DG_STATS_PSI_H

#include "stats/base.h"

/* sum (p - q) ln(p/q) in nats: Jeffreys' symmetric divergence (Jeffreys 1946). Every term is >= 0.
 * p, q [cells] > 0 (smooth them: dg_cells_shares), else +INFINITY where one of a pair is 0. */
double dg_psi(const double p[], const double q[], size_t cells);

/*
 * P(a PSI at least so large | equal distributions): PSI/c against chi-square with df = cells - 1
 * (Yurdakul and Naranjo 2020), c = deff (1/n + 1/m). Cells should hold an expected count of 5 or
 * more. df = 0 gives 1. Simulated size at nominal 0.05/0.01/0.001 with a = 0.5, 10 cells:
 * 0.046/0.010/0.0012 at n = 200, 0.0495/0.0099/0.0012 at n = 1000.
 */
double dg_psi_p(double psi, double c, double df);

/* max(0, psi - df c): the value less what chance alone adds on average. */
double dg_psi_adjusted(double psi, double c, double df);

/*
 * A 95 % interval of the true PSI: psi/c is noncentral chi-square with noncentrality PSI_true/c,
 * inverted in that. Simulated coverage 0.93 to 0.95 for n = 100 .. 1e5. low may be 0.
 * df = 0 gives [0, 0]. Cost: 15 us.
 */
void dg_psi_interval(double psi, double c, double df, double *low, double *high);

/* c chi2_alpha(df): the PSI that chance exceeds with probability alpha. NAN if df = 0. */
double dg_psi_threshold(double alpha, double c, double df);

#endif
