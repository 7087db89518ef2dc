/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GLib's mutexes and conditions made of pthread's, and its counts of references,
 * for builds with ThreadSanitizer alone (-Db_sanitize=thread): GLib makes its own
 * of futexes and in a library without instrumentation, which ThreadSanitizer does
 * not see, so that all that they protect would look like a race. These
 * definitions stand before the library's.
 */
#include <pthread.h>

typedef struct Pair {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} Pair;

/* Static and zeroed GMutexes and GConds are valid: made when first used. */
static Pair *pair_of(gpointer *where)
{
    Pair *pair = g_atomic_pointer_get(where);

    if (!pair) {
        Pair *made = g_new0(Pair, 1);

        pthread_mutex_init(&made->mutex, NULL);
        pthread_cond_init(&made->cond, NULL);
        if (g_atomic_pointer_compare_and_exchange(where, NULL, made)) {
            return made;
        }
        g_free(made);
        pair = g_atomic_pointer_get(where);
    }
    return pair;
}

static void pair_free(gpointer *where)
{
    Pair *pair = *where;

    if (pair) {
        pthread_mutex_destroy(&pair->mutex);
        pthread_cond_destroy(&pair->cond);
        g_free(pair);
        *where = NULL;
    }
}

void g_mutex_init(GMutex *mutex)
{
    mutex->p = NULL;
}

void g_mutex_clear(GMutex *mutex)
{
    pair_free(&mutex->p);
}

void g_mutex_lock(GMutex *mutex)
{
    pthread_mutex_lock(&pair_of(&mutex->p)->mutex);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    return pthread_mutex_trylock(&pair_of(&mutex->p)->mutex) == 0;
}

void g_mutex_unlock(GMutex *mutex)
{
    pthread_mutex_unlock(&pair_of(&mutex->p)->mutex);
}

void g_cond_init(GCond *cond)
{
    cond->p = NULL;
}

void g_cond_clear(GCond *cond)
{
    pair_free(&cond->p);
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    pthread_cond_wait(&pair_of(&cond->p)->cond, &pair_of(&mutex->p)->mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    struct timespec end = { .tv_sec = end_time / G_USEC_PER_SEC,
                            .tv_nsec = end_time % G_USEC_PER_SEC * 1000 };

    return pthread_cond_clockwait(&pair_of(&cond->p)->cond,
                                  &pair_of(&mutex->p)->mutex, CLOCK_MONOTONIC,
                                  &end) == 0;
}

void g_cond_signal(GCond *cond)
{
    pthread_cond_signal(&pair_of(&cond->p)->cond);
}

void g_cond_broadcast(GCond *cond)
{
    pthread_cond_broadcast(&pair_of(&cond->p)->cond);
}

/* In parentheses, since the names are macros as well. */
void(g_atomic_ref_count_init)(gatomicrefcount *count)
{
    __atomic_store_n(count, 1, __ATOMIC_SEQ_CST);
}

void(g_atomic_ref_count_inc)(gatomicrefcount *count)
{
    __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
}

gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count)
{
    return __atomic_fetch_sub(count, 1, __ATOMIC_SEQ_CST) == 1;
}
