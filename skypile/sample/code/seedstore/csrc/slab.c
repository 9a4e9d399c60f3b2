/*
 * A slab allocator for objects of one size.
 *
 * Memory is taken from the system in slabs of 64 kB and handed out object by object. A freed
 * object holds the link of the free list in its own first bytes, so bookkeeping costs nothing.
 * Slabs are returned all at once by slab_destroy(); there is no lock, use one pool per thread.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_BYTES ((size_t)64 * 1024)
#define POISON 0xdb

struct slab {
    struct slab *next;
    max_align_t data[];
};

struct free_object {
    struct free_object *next;
};

struct slab_pool {
    size_t object_bytes;
    size_t objects_per_slab;
    size_t live;
    size_t slabs;
    size_t unused; /* objects of the newest slab that were never handed out */
    struct slab *newest;
    struct free_object *free_list;
};

static size_t round_up(size_t bytes, size_t step)
{
    return (bytes + step - 1) / step * step;
}

/* Returns 0, or -1 where objects are too large for a slab to make sense. */
int slab_init(struct slab_pool *pool, size_t object_bytes)
{
    if (object_bytes < sizeof(struct free_object))
        object_bytes = sizeof(struct free_object);
    object_bytes = round_up(object_bytes, sizeof(void *));
    size_t room = SLAB_BYTES - offsetof(struct slab, data);
    if (object_bytes > room / 8)
        return -1;
    memset(pool, 0, sizeof *pool);
    pool->object_bytes = object_bytes;
    pool->objects_per_slab = room / object_bytes;
    return 0;
}

/* Returns an object with undefined contents, or NULL where memory has run out. */
void *slab_alloc(struct slab_pool *pool)
{
    struct free_object *reused = pool->free_list;
    if (reused != NULL) {
        pool->free_list = reused->next;
        pool->live++;
        return reused;
    }
    if (pool->unused == 0) {
        struct slab *fresh = malloc(SLAB_BYTES);
        if (fresh == NULL)
            return NULL;
        fresh->next = pool->newest;
        pool->newest = fresh;
        pool->unused = pool->objects_per_slab;
        pool->slabs++;
    }
    size_t index = pool->objects_per_slab - pool->unused--;
    pool->live++;
    return (char *)pool->newest->data + index * pool->object_bytes;
}

void slab_free(struct slab_pool *pool, void *object)
{
    if (object == NULL)
        return;
    assert(pool->live > 0);
#ifndef NDEBUG
    /* 释放后填充固定字节，便于发现悬空指针 */
    memset(object, POISON, pool->object_bytes);
#endif
    struct free_object *link = object;
    link->next = pool->free_list;
    pool->free_list = link;
    pool->live--;
}

/* Gives all memory back and returns how many objects were still alive. */
size_t slab_destroy(struct slab_pool *pool)
{
    size_t leaked = pool->live;
    while (pool->newest != NULL) {
        struct slab *next = pool->newest->next;
        free(pool->newest);
        pool->newest = next;
    }
    memset(pool, 0, sizeof *pool);
    return leaked;
}
