/* stats/ncx2.h -- the noncentral chi-square distribution and its inversion in the noncentrality:
 * where the interval of a divergence comes from. */
#ifndef DG_STATS_NCX2_H
#define DG_STATS_NCX2_H

#include "stats/base.h"

#define DG_NCX2_MIXTURE_MAX 200.0 /* noncentrality above which Sankaran's approximation is used */

/*
 * P(chi2_df(lambda) <= x), in [0, 1]. x >= 0, 0 < df <= 1000, lambda >= 0, else NAN.
 * lambda <= 200: the Poisson mixture of central chi-squares, its terms by the recurrence
 * P(x; k) - P(x; k + 2) = 2 f(x; k + 2), all of one sign: relative error 1e-11.
 * Above: Sankaran's (1959) normal approximation, absolute error at most 3e-5 and falling.
 * Cost: 2 us.
 */
double dg_ncx2_lower(double x, double df, double lambda);

/*
 * The lambda >= 0 with P(chi2_df(lambda) <= x) = probability, 0 < probability < 1; 0 if even
 * lambda = 0 gives less. Decreasing in `probability`: 0.975 gives the lower end of a 95 %
 * interval and 0.025 the upper end. Relative error 1e-10 below 200, beyond that of Sankaran's
 * formula. NAN for arguments out of range. Cost: 10 us.
 */
double dg_ncx2_noncentrality(double x, double df, double probability);

#endif
