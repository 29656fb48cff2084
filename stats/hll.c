#include "stats/hll.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BITS = 12, /* p */
    RANK_MAX = 64 - BITS + 1,
    RANK_BITS = 6,
    DENSE_BYTES = DG_HLL_REGISTERS * RANK_BITS / 8,
    VERSION = 1,
    SPARSE = 0,
    DENSE = 1
};

int dg_hll_reserve(struct dg_hll *h)
{
    if (h->reg == NULL) {
        h->reg = calloc(DG_HLL_REGISTERS, 1);
    }
    return h->reg == NULL ? ENOMEM : 0;
}

int dg_hll_add(struct dg_hll *h, uint64_t hash)
{
    if (h->reg == NULL && dg_hll_reserve(h) != 0) {
        return ENOMEM;
    }
    /* Position of the first one bit below the index bits; the bit set last bounds it. */
    const uint64_t rest = hash << BITS | UINT64_C(1) << (BITS - 1);
    const uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *reg = &h->reg[hash >> (64 - BITS)];
    *reg = *reg > rank ? *reg : rank;
    return 0;
}

void dg_hll_deinit(struct dg_hll *h)
{
    free(h->reg);
    h->reg = NULL;
}

void dg_hll_reset(struct dg_hll *h)
{
    if (h->reg != NULL) {
        memset(h->reg, 0, DG_HLL_REGISTERS);
    }
}

int dg_hll_merge(struct dg_hll *dst, const struct dg_hll *src)
{
    if (src->reg == NULL) {
        return 0;
    }
    if (dg_hll_reserve(dst) != 0) {
        return ENOMEM;
    }
    for (size_t i = 0; i < DG_HLL_REGISTERS; i++) {
        dst->reg[i] = dst->reg[i] > src->reg[i] ? dst->reg[i] : src->reg[i];
    }
    return 0;
}

/* Ertl's sigma and tau: what the registers at the two ends of the range contribute. */
static double sigma(double x)
{
    double y = 1.0, z = x, previous;
    do {
        x *= x;
        previous = z;
        z += x * y;
        y += y;
    } while (z != previous);
    return z;
}

static double tau(double x)
{
    if (x == 0.0 || x == 1.0) {
        return 0.0;
    }
    double y = 1.0, z = 1.0 - x, previous;
    do {
        x = sqrt(x);
        previous = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
    } while (z != previous);
    return z / 3.0;
}

double dg_hll_estimate(const struct dg_hll *h)
{
    uint32_t with_rank[RANK_MAX + 1] = {0};
    for (size_t i = 0; h->reg != NULL && i < DG_HLL_REGISTERS; i++) {
        with_rank[h->reg[i]]++;
    }
    if (h->reg == NULL || with_rank[0] == DG_HLL_REGISTERS) {
        return 0.0;
    }
    const double m = DG_HLL_REGISTERS;
    double z = m * tau(1.0 - with_rank[RANK_MAX] / m);
    for (int k = RANK_MAX - 1; k >= 1; k--) {
        z = 0.5 * (z + with_rank[k]);
    }
    z += m * sigma(with_rank[0] / m);
    return m * m / (2.0 * 0.693147180559945309417 * z);
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 128; v >>= 7) {
        n++;
    }
    return n;
}

/* One number per used register: gap to the one before, then rank. */
static uint64_t token(size_t gap, uint8_t rank)
{
    return (uint64_t)gap << RANK_BITS | rank;
}

static size_t sparse_size(const uint8_t reg[], size_t *used)
{
    size_t size = 0, next = 0;
    *used = 0;
    for (size_t i = 0; reg != NULL && i < DG_HLL_REGISTERS; i++) {
        if (reg[i] > 0) {
            size += varint_size(token(i - next, reg[i]));
            next = i + 1;
            ++*used;
        }
    }
    return size;
}

static void encode_dense(const uint8_t reg[], struct dg_bytes *out)
{
    for (size_t i = 0; i < DG_HLL_REGISTERS; i += 4) {
        const uint32_t four = (uint32_t)reg[i] | (uint32_t)reg[i + 1] << 6 |
                              (uint32_t)reg[i + 2] << 12 | (uint32_t)reg[i + 3] << 18;
        dg_put_u8(out, (uint8_t)four);
        dg_put_u8(out, (uint8_t)(four >> 8));
        dg_put_u8(out, (uint8_t)(four >> 16));
    }
}

void dg_hll_encode(const struct dg_hll *h, struct dg_bytes *out)
{
    size_t used;
    const bool dense = sparse_size(h->reg, &used) >= DENSE_BYTES;
    dg_put_u8(out, (uint8_t)(VERSION << 4 | (dense ? DENSE : SPARSE)));
    if (dense) {
        encode_dense(h->reg, out);
        return;
    }
    dg_put_varint(out, used);
    size_t next = 0;
    for (size_t i = 0; used > 0 && i < DG_HLL_REGISTERS; i++) {
        if (h->reg[i] > 0) {
            dg_put_varint(out, token(i - next, h->reg[i]));
            next = i + 1;
        }
    }
}

static bool decode_dense(struct dg_reader *in, uint8_t reg[])
{
    const uint8_t *p = dg_get_raw(in, DENSE_BYTES);
    bool valid = p != NULL;
    for (size_t i = 0; valid && i < DG_HLL_REGISTERS; i += 4, p += 3) {
        const uint32_t four = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
        for (size_t k = 0; k < 4; k++) {
            reg[i + k] = (uint8_t)(four >> (RANK_BITS * k) & 63);
            valid = valid && reg[i + k] <= RANK_MAX;
        }
    }
    size_t used;
    return valid && sparse_size(reg, &used) >= DENSE_BYTES;
}

/* Read the sparse form; with reg, take its maxima. Sparse only while shorter than dense. */
static bool read_sparse(struct dg_reader *in, uint8_t *reg, uint64_t *used)
{
    *used = dg_get_varint(in);
    const uint8_t *first = in->p;
    size_t next = 0;
    for (uint64_t i = 0; i < *used; i++) {
        const uint64_t t = dg_get_varint(in), rank = t & 63;
        if (in->failed || t >> RANK_BITS >= DG_HLL_REGISTERS - next || rank == 0 ||
            rank > RANK_MAX) {
            return false;
        }
        next += (size_t)(t >> RANK_BITS);
        if (reg != NULL && reg[next] < rank) {
            reg[next] = (uint8_t)rank;
        }
        next++;
    }
    return !in->failed && (size_t)(in->p - first) < DENSE_BYTES;
}

/* Checked in a first reading, so that h is not touched by bytes that turn out to be corrupt. */
static int add_sparse(struct dg_hll *h, struct dg_reader *in)
{
    struct dg_reader again = *in;
    uint64_t used = 0;
    if (!read_sparse(in, NULL, &used)) {
        return EBADMSG;
    }
    if (used == 0) {
        return 0;
    }
    const int rc = dg_hll_reserve(h);
    return rc != 0 ? rc : (read_sparse(&again, h->reg, &used) ? 0 : EBADMSG);
}

static int add_dense(struct dg_hll *h, struct dg_reader *in)
{
    uint8_t reg[DG_HLL_REGISTERS];
    return decode_dense(in, reg) ? dg_hll_merge(h, &(struct dg_hll){.reg = reg}) : EBADMSG;
}

int dg_hll_add_encoded(struct dg_hll *h, struct dg_reader *in)
{
    const uint8_t head = dg_get_u8(in);
    const int rc = head == (VERSION << 4 | SPARSE)  ? add_sparse(h, in)
                   : head == (VERSION << 4 | DENSE) ? add_dense(h, in)
                                                    : EBADMSG;
    in->failed = in->failed || rc == EBADMSG;
    return rc;
}
