/*
 * A growable set of small integers, one bit each, with rank and set operations.
 *
 * Include it where needed; all functions are static. Allocation failure is reported by `false`
 * and leaves the set as it was.
 */
#ifndef SEEDSTORE_BITSET_H
#define SEEDSTORE_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bitset {
    uint64_t *words;
    size_t count; /* words allocated; bits beyond are zero */
};

static inline int popcount64(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int)(word * 0x0101010101010101u >> 56);
}

static inline bool bitset_reserve(struct bitset *set, size_t words)
{
    if (words <= set->count)
        return true;
    size_t grown = set->count * 2 > words ? set->count * 2 : words;
    uint64_t *moved = realloc(set->words, grown * sizeof *moved);
    if (moved == NULL)
        return false;
    memset(moved + set->count, 0, (grown - set->count) * sizeof *moved);
    set->words = moved;
    set->count = grown;
    return true;
}

static inline bool bitset_add(struct bitset *set, size_t value)
{
    if (!bitset_reserve(set, value / 64 + 1))
        return false;
    set->words[value / 64] |= (uint64_t)1 << value % 64;
    return true;
}

static inline void bitset_remove(struct bitset *set, size_t value)
{
    if (value / 64 < set->count)
        set->words[value / 64] &= ~((uint64_t)1 << value % 64);
}

static inline bool bitset_has(const struct bitset *set, size_t value)
{
    return value / 64 < set->count && (set->words[value / 64] >> value % 64 & 1);
}

/* How many members are smaller than `value`. */
static inline size_t bitset_rank(const struct bitset *set, size_t value)
{
    size_t full = value / 64 < set->count ? value / 64 : set->count, rank = 0;
    for (size_t i = 0; i < full; i++)
        rank += (size_t)popcount64(set->words[i]);
    if (full < set->count && value % 64 != 0)
        rank += (size_t)popcount64(set->words[full] << (64 - value % 64));
    return rank;
}

/* The smallest member that is at least `from`, or SIZE_MAX. */
static inline size_t bitset_next(const struct bitset *set, size_t from)
{
    size_t index = from / 64;
    if (index >= set->count)
        return SIZE_MAX;
    uint64_t word = set->words[index] & ~(uint64_t)0 << from % 64;
    while (word == 0) {
        if (++index == set->count)
            return SIZE_MAX;
        word = set->words[index];
    }
    return index * 64 + (size_t)popcount64((word & -word) - 1);
}

/* Keep in `set` what is in `other`, too. */
static inline void bitset_intersect(struct bitset *set, const struct bitset *other)
{
    for (size_t i = 0; i < set->count; i++)
        set->words[i] &= i < other->count ? other->words[i] : 0;
}

static inline bool bitset_unite(struct bitset *set, const struct bitset *other)
{
    if (!bitset_reserve(set, other->count))
        return false;
    for (size_t i = 0; i < other->count; i++)
        set->words[i] |= other->words[i];
    return true;
}

static inline void bitset_clear(struct bitset *set)
{
    free(set->words);
    *set = (struct bitset){0};
}

#endif
