/* What the measured programs share: files, and a loop over commands.
 *
 * A program is started with the family (4 or 6) and the number of keys in a
 * batch. It says "ok BACKEND" or "error TEXT", and then answers each line it
 * is given by one line, "ok NUMBERS" or "error TEXT":
 *
 *   build SECONDS PATH             ok NANOSECONDS BYTES    anew; what was there is gone
 *   backend                        ok BACKEND
 *   trace SLOT PATH                ok
 *   answers MODE SLOT COUNT PATH   ok                      writes a 32-bit number for each key
 *   pass MODE SLOT COUNT           ok NANOSECONDS SUM      sum of the answers mod 2^32
 *   apply BATCH NANOSECONDS PATH   ok DONE NANOSECONDS WHY until all is done, one is refused (the
 *                                                          reason; else nothing), or the time is up
 *
 * The end of its input ends it.
 */
#ifndef PEER_H
#define PEER_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SLOTS 8

/* A route, or a change of one. */
struct change {
	uint8_t addr[16]; /* in network order, IPv4 in the first four */
	uint32_t hop;     /* 0: take away */
	uint32_t len;
};

enum mode { BATCHED, INDEPENDENT, DEPENDENT };

/* For a program to define. Those that return a text return NULL when all is
 * well, and else what is wrong. */
static const char *peer_start(void);
static const char *peer_backend(void);
static const char *peer_build(const struct change *routes, size_t count, uint64_t most_ns, uint64_t *ns,
			      uint64_t *bytes);
/* Adds to `done` how many were made: those before a refused one, and none after
 * it. Makes it UNKNOWN where it cannot tell. */
#define UNKNOWN SIZE_MAX
static const char *peer_apply(const struct change *changes, size_t count, size_t *done);
static const char *peer_trace(unsigned slot, const uint8_t *keys, size_t count);
/* Looks up; writes answers where `answers` is not NULL, else adds them up. */
static const char *peer_lookup(enum mode mode, unsigned slot, size_t count, uint32_t *answers, uint64_t *ns,
			       uint32_t *sum);

static int family;
static size_t batch_size;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Text for an error, until the next one. */
static const char *because(const char *format, ...)
{
	static char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return text;
}

/* The whole of a file; NULL when it cannot be read. */
static void *whole_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	void *bytes = NULL;
	long end;

	if (!file)
		return NULL;
	if (!fseek(file, 0, SEEK_END) && (end = ftell(file)) >= 0 && !fseek(file, 0, SEEK_SET)) {
		*size = end;
		bytes = malloc(*size ? *size : 1);
		if (bytes && fread(bytes, 1, *size, file) != *size) {
			free(bytes);
			bytes = NULL;
		}
	}
	fclose(file);
	return bytes;
}

static int mode_named(const char *name)
{
	static const char *const names[] = { "batched", "independent", "dependent" };

	for (int mode = 0; mode < 3; mode++)
		if (!strcmp(name, names[mode]))
			return mode;
	return -1;
}

static const char *do_build(const char *path, uint64_t most_ns)
{
	uint64_t ns = 0, bytes = 0;
	size_t size;
	struct change *routes = whole_file(path, &size);
	const char *wrong;

	if (!routes)
		return because("%s cannot be read", path);
	wrong = peer_build(routes, size / sizeof(*routes), most_ns, &ns, &bytes);
	free(routes);
	if (!wrong)
		printf("ok %llu %llu\n", (unsigned long long)ns, (unsigned long long)bytes);
	return wrong;
}

static const char *do_trace(unsigned slot, const char *path)
{
	size_t size;
	uint8_t *keys;
	const char *wrong;

	if (slot >= SLOTS)
		return "no such slot";
	keys = whole_file(path, &size);
	if (!keys)
		return because("%s cannot be read", path);
	wrong = peer_trace(slot, keys, size / (family == 4 ? 4 : 16));
	free(keys);
	if (!wrong)
		printf("ok\n");
	return wrong;
}

static const char *do_answers(int mode, unsigned slot, size_t count, const char *path)
{
	uint32_t *answers = malloc(count * sizeof(*answers) + 1);
	const char *wrong = answers ? NULL : "no memory";
	uint64_t ns;
	uint32_t sum;
	FILE *file;

	if (!wrong)
		wrong = peer_lookup(mode, slot, count, answers, &ns, &sum);
	if (!wrong) {
		file = fopen(path, "wb");
		if (!file || fwrite(answers, sizeof(*answers), count, file) != count || fclose(file))
			wrong = because("%s cannot be written", path);
	}
	free(answers);
	if (!wrong)
		printf("ok\n");
	return wrong;
}

static const char *do_pass(int mode, unsigned slot, size_t count)
{
	uint64_t ns;
	uint32_t sum;
	const char *wrong = peer_lookup(mode, slot, count, NULL, &ns, &sum);

	if (!wrong)
		printf("ok %llu %u\n", (unsigned long long)ns, sum);
	return wrong;
}

static const char *do_apply(size_t batch, uint64_t most_ns, const char *path)
{
	size_t size, done = 0, count;
	struct change *changes = whole_file(path, &size);
	const char *wrong = NULL;
	uint64_t start, ns = 0;

	if (!changes)
		return because("%s cannot be read", path);
	count = size / sizeof(*changes);
	start = now_ns();
	while (!wrong && done < count && ns <= most_ns) {
		size_t some = count - done < batch ? count - done : batch;

		wrong = peer_apply(changes + done, some, &done);
		/* The clock is not read for every single change: it may take longer than they do. */
		if (wrong || batch > 64 || done % 64 == 0 || (done & (done - 1)) == 0 || done == count)
			ns = now_ns() - start;
	}
	free(changes);
	if (done == UNKNOWN)
		return wrong;
	printf("ok %zu %llu %s\n", done, (unsigned long long)ns, wrong ? wrong : "");
	return NULL;
}

static const char *command(char *line)
{
	char mode_name[16], path[4096];
	unsigned slot;
	unsigned long long a, b;

	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "backend")) {
		printf("ok %s\n", peer_backend());
		return NULL;
	}
	if (sscanf(line, "build %llu %4095[^\n]", &a, path) == 2)
		return do_build(path, a * 1000000000ull);
	if (sscanf(line, "trace %u %4095[^\n]", &slot, path) == 2)
		return do_trace(slot, path);
	if (sscanf(line, "answers %15s %u %llu %4095[^\n]", mode_name, &slot, &a, path) == 4 &&
	    mode_named(mode_name) >= 0 && slot < SLOTS)
		return do_answers(mode_named(mode_name), slot, a, path);
	if (sscanf(line, "pass %15s %u %llu", mode_name, &slot, &a) == 3 && mode_named(mode_name) >= 0 &&
	    slot < SLOTS)
		return do_pass(mode_named(mode_name), slot, a);
	if (sscanf(line, "apply %llu %llu %4095[^\n]", &a, &b, path) == 3 && a > 0)
		return do_apply(a, b, path);
	return because("%s: unknown command", line);
}

int main(int argc, char **argv)
{
	static char line[8192];
	const char *wrong;

	family = argc == 3 ? atoi(argv[1]) : 0;
	batch_size = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if ((family != 4 && family != 6) || !batch_size) {
		fprintf(stderr, "usage: %s 4|6 BATCH\n", argv[0]);
		return 2;
	}
	wrong = peer_start();
	if (wrong)
		printf("error %s\n", wrong);
	else
		printf("ok %s\n", peer_backend());
	fflush(stdout);
	while (!wrong && fgets(line, sizeof(line), stdin)) {
		const char *problem = command(line);

		if (problem)
			printf("error %s\n", problem);
		fflush(stdout);
	}
	return wrong ? 1 : 0;
}

#endif
