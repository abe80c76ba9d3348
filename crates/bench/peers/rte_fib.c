/* DPDK's rte_fib (DIR24_8) and rte_fib6 (TRIE), with AVX-512 where the
 * machine has it: EAL keeps to 256 bits unless it is told otherwise. */
#include "peer.h"

#include <errno.h>
#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_malloc.h>

/* Groups of 256 that entries of two bytes can name. */
#define GROUPS_2B 32767
/* And what is tried for wider ones: 2 GB. */
#define MOST_GROUPS (1u << 21)

static struct rte_fib *fib4;
static struct rte_fib6 *fib6;
static const char *backend = "none";
static char backend_text[64];

static struct {
	size_t count;
	uint32_t *keys4;
	uint8_t (*keys6)[16];
} traces[SLOTS];

static const char *peer_backend(void)
{
	return backend;
}

static const char *peer_start(void)
{
	/* Memory that is not touched costs nothing: room for 5 M routes. */
	static char *args[] = { "rte_fib",  "--no-huge", "-m", "8192", "--no-pci", "--no-shconf", "--no-telemetry",
				"-l",       "0",         "--force-max-simd-bitwidth=512", "--log-level=3", NULL };

	if (rte_eal_init(sizeof(args) / sizeof(args[0]) - 1, args) < 0)
		return because("rte_eal_init: %s", rte_strerror(rte_errno));
	return NULL;
}

static size_t heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;

	return rte_malloc_get_socket_stats(0, &stats) ? 0 : stats.heap_allocsz_bytes;
}

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* How many groups of 256 entries the routes need: one for each prefix of 24,
 * 32, 40, ... bits that longer routes lie in. */
static size_t groups(const struct change *routes, size_t count)
{
	struct change *sorted = malloc(count * sizeof(*sorted) + 1);
	size_t all = 0;
	unsigned width = family == 4 ? 32 : 128;

	if (!sorted)
		return 0;
	memcpy(sorted, routes, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_address);
	for (unsigned depth = 24; depth < width; depth += 8) {
		const uint8_t *last = NULL;

		for (size_t i = 0; i < count; i++) {
			if (sorted[i].len <= depth || (last && !memcmp(last, sorted[i].addr, depth / 8)))
				continue;
			last = sorted[i].addr;
			all++;
		}
	}
	free(sorted);
	return all;
}

/* Room for routes that are yet to come. */
static size_t with_room(size_t number)
{
	return number + number / 4 + 1024;
}

static const char *create4(size_t nodes, size_t needed)
{
	struct rte_fib_conf conf = { .type = RTE_FIB_DIR24_8, .max_routes = nodes };
	int is_short = needed <= GROUPS_2B;

	conf.dir24_8.nh_sz = is_short ? RTE_FIB_DIR24_8_2B : RTE_FIB_DIR24_8_4B;
	conf.dir24_8.num_tbl8 = is_short ? GROUPS_2B : needed;
	fib4 = rte_fib_create("bench4", 0, &conf);
	if (!fib4)
		return because("rte_fib_create: %s", rte_strerror(rte_errno));
	snprintf(backend_text, sizeof(backend_text), "DIR24_8 %s%s", is_short ? "2B" : "4B",
		 rte_fib_select_lookup(fib4, RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512) ? "" : " avx512");
	backend = backend_text;
	return NULL;
}

static const char *create6(size_t nodes, size_t needed)
{
	struct rte_fib6_conf conf = { .type = RTE_FIB6_TRIE, .max_routes = nodes };

	conf.trie.nh_sz = RTE_FIB6_TRIE_4B;
	conf.trie.num_tbl8 = needed;
	fib6 = rte_fib6_create("bench6", 0, &conf);
	if (!fib6)
		return because("rte_fib6_create: %s", rte_strerror(rte_errno));
	snprintf(backend_text, sizeof(backend_text), "TRIE 4B%s",
		 rte_fib6_select_lookup(fib6, RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512) ? "" : " avx512");
	backend = backend_text;
	return NULL;
}

static uint32_t number4(const uint8_t *addr)
{
	return (uint32_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3];
}

/* A negative error number when it cannot be done. */
static int change(const struct change *change)
{
	if (family == 4)
		return change->hop ? rte_fib_add(fib4, number4(change->addr), change->len, change->hop)
				   : rte_fib_delete(fib4, number4(change->addr), change->len);
	return change->hop ? rte_fib6_add(fib6, change->addr, change->len, change->hop)
			   : rte_fib6_delete(fib6, change->addr, change->len);
}

static const char *peer_build(const struct change *routes, size_t count, uint64_t most_ns, uint64_t *ns,
			      uint64_t *bytes)
{
	size_t needed = with_room(groups(routes, count)) * (family == 4 ? 1 : 3), nodes = with_room(count), before;
	uint64_t start;
	const char *wrong;
	int failed;

	/* How many nodes it makes, and how many groups it reserves beyond those that
	 * it fills (for IPv6, more as routes come in another order), is its own
	 * affair: it is given more until it has enough. The time is that of the last attempt. */
	do {
		if (needed > MOST_GROUPS)
			return because("it would take %zu groups of 256 entries or more (--routes)", needed);
		rte_fib_free(fib4);
		rte_fib6_free(fib6);
		fib4 = NULL;
		fib6 = NULL;
		before = heap_bytes();
		start = now_ns();
		wrong = family == 4 ? create4(nodes, needed) : create6(nodes, needed);
		failed = 0;
		for (size_t i = 0; !wrong && !failed && i < count; i++) {
			failed = change(&routes[i]);
			if (i % 256 == 0 && now_ns() - start > most_ns)
				wrong = because("gave up building at %zu of %zu routes (--build-limit)", i, count);
		}
		if (failed == -ENOSPC)
			needed *= 2;
		if (failed == -ENOMEM)
			nodes += nodes / 2;
	} while (!wrong && (failed == -ENOSPC || (failed == -ENOMEM && nodes < 4 * count)));
	*ns = now_ns() - start;
	*bytes = heap_bytes() - before;
	if (!wrong && failed)
		wrong = because("a route: %s", strerror(-failed));
	return wrong;
}

static const char *peer_apply(const struct change *changes, size_t count, size_t *done)
{
	for (size_t i = 0; i < count; i++) {
		int failed = change(&changes[i]);

		if (failed)
			return because("%s", strerror(-failed));
		++*done;
	}
	return NULL;
}

static const char *peer_trace(unsigned slot, const uint8_t *keys, size_t count)
{
	traces[slot].count = count;
	if (family == 4) {
		traces[slot].keys4 = malloc(count * sizeof(uint32_t) + 1);
		if (!traces[slot].keys4)
			return "no memory";
		for (size_t i = 0; i < count; i++)
			traces[slot].keys4[i] = number4(keys + 4 * i);
	} else {
		traces[slot].keys6 = malloc(count * 16 + 1);
		if (!traces[slot].keys6)
			return "no memory";
		memcpy(traces[slot].keys6, keys, count * 16);
	}
	return NULL;
}

static inline uint64_t one4(uint32_t key)
{
	uint64_t hop;

	rte_fib_lookup_bulk(fib4, &key, &hop, 1);
	return hop;
}

static inline uint64_t one6(uint8_t key[1][16])
{
	uint64_t hop;

	rte_fib6_lookup_bulk(fib6, key, &hop, 1);
	return hop;
}

static uint32_t batched(unsigned slot, size_t count, uint32_t *answers)
{
	uint64_t *hops = malloc(batch_size * sizeof(*hops));
	uint32_t sum = 0;

	if (!hops)
		return 0;
	for (size_t at = 0; at < count; at += batch_size) {
		size_t some = count - at < batch_size ? count - at : batch_size;

		if (family == 4)
			rte_fib_lookup_bulk(fib4, traces[slot].keys4 + at, hops, some);
		else
			rte_fib6_lookup_bulk(fib6, traces[slot].keys6 + at, hops, some);
		if (answers)
			for (size_t i = 0; i < some; i++)
				answers[at + i] = hops[i];
		else
			for (size_t i = 0; i < some; i++)
				sum += hops[i];
	}
	free(hops);
	return sum;
}

static uint32_t independent(unsigned slot, size_t count, uint32_t *answers)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t hop = family == 4 ? one4(traces[slot].keys4[i]) : one6(traces[slot].keys6 + i);

		if (answers)
			answers[i] = hop;
		sum += hop;
	}
	return sum;
}

/* `zero` is 0, which the compiler does not know: each key needs the last answer. */
static __attribute__((noipa)) uint32_t dependent(unsigned slot, size_t count, uint32_t *answers, uint32_t zero)
{
	uint32_t sum = 0, hop = 0;

	for (size_t i = 0; i < count; i++) {
		if (family == 4) {
			hop = one4(traces[slot].keys4[i] ^ (hop & zero));
		} else {
			uint8_t key[1][16];
			uint64_t low;

			memcpy(key[0], traces[slot].keys6[i], 16);
			memcpy(&low, key[0] + 8, 8);
			low ^= hop & zero;
			memcpy(key[0] + 8, &low, 8);
			hop = one6(key);
		}
		if (answers)
			answers[i] = hop;
		sum += hop;
	}
	return sum;
}

static const char *peer_lookup(enum mode mode, unsigned slot, size_t count, uint32_t *answers, uint64_t *ns,
			       uint32_t *sum)
{
	uint64_t start;

	if ((!fib4 && !fib6) || count > traces[slot].count)
		return "nothing is built, or the trace is shorter";
	start = now_ns();
	*sum = mode == BATCHED ? batched(slot, count, answers)
	       : mode == INDEPENDENT ? independent(slot, count, answers)
				     : dependent(slot, count, answers, 0);
	*ns = now_ns() - start;
	return NULL;
}
