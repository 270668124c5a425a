/*
 * Pings every address given, all the time: pinger INTERVAL_MS ADDRESS...
 *
 * One raw ICMPv6 socket for all of them, so that 255 pings every 10 ms cost as little as they can. The pings of an interval are spread
 * over it. Ends with its stdin (or SIGTERM), waits half a second for answers under way, and prints one line of JSON:
 *   {"targets":[{"sent":N,"lost":N,"longestMs":N},...],"userMs":N,"systemMs":N,"latestMs":N,"skipped":N}
 * longestMs is the longest run of lost pings: from the first's time to the last's, and one interval. A ping that this host itself refuses
 * (no route, no link) is lost; one for which it has no buffer or no time is skipped. latestMs is the longest that a ping was sent behind its time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct target {
  struct sockaddr_in6 to;
  uint32_t sent, room;
  double *at;        /* ms; when each ping was sent */
  uint8_t *answered; /* of each ping */
};

struct echo {
  struct icmp6_hdr head;
  uint32_t target, number;
};

static volatile sig_atomic_t over;
static struct target *targets;
static uint32_t count;
static uint16_t id;
static int sock;

static void end(int signal) { (void)signal, over = 1; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void receive(void) {
  struct echo echo;
  ssize_t size;
  while ((size = recv(sock, &echo, sizeof echo, MSG_DONTWAIT)) >= 0) {
    if (size < (ssize_t)sizeof echo || echo.head.icmp6_id != id) continue;
    if (echo.target < count && echo.number < targets[echo.target].sent) targets[echo.target].answered[echo.number] = 1;
  }
}

/* Returns whether it could not be said to have been sent or refused. */
static int send_ping(uint32_t index) {
  struct target *t = &targets[index];
  if (t->sent == t->room) {
    t->room = t->room ? 2 * t->room : 1024;
    t->at = realloc(t->at, t->room * sizeof *t->at);
    t->answered = realloc(t->answered, t->room);
    if (!t->at || !t->answered) exit(3);
  }
  struct echo echo = {.head = {.icmp6_type = ICMP6_ECHO_REQUEST}, .target = index, .number = t->sent};
  echo.head.icmp6_id = id;
  echo.head.icmp6_seq = htons((uint16_t)t->sent);
  if (sendto(sock, &echo, sizeof echo, MSG_DONTWAIT, (struct sockaddr *)&t->to, sizeof t->to) < 0 &&
      (errno == EAGAIN || errno == ENOBUFS))
    return 1;
  t->at[t->sent] = now();
  t->answered[t->sent++] = 0;
  return 0;
}

static void report(double interval, double latest, uint32_t skipped) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("{\"targets\":[");
  for (uint32_t i = 0; i < count; i++) {
    struct target *t = &targets[i];
    uint32_t lost = 0, first = 0, in_gap = 0;
    double longest = 0;
    for (uint32_t n = 0; n < t->sent; n++) {
      if (t->answered[n]) {
        in_gap = 0;
        continue;
      }
      if (!in_gap) first = n;
      in_gap = 1, lost++;
      double gap = t->at[n] - t->at[first] + interval;
      if (gap > longest) longest = gap;
    }
    printf("%s{\"sent\":%u,\"lost\":%u,\"longestMs\":%.0f}", i ? "," : "", t->sent, lost, longest);
  }
  printf("],\"userMs\":%ld,\"systemMs\":%ld,\"latestMs\":%.0f,\"skipped\":%u}\n",
         used.ru_utime.tv_sec * 1000 + used.ru_utime.tv_usec / 1000,
         used.ru_stime.tv_sec * 1000 + used.ru_stime.tv_usec / 1000, latest, skipped);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  double interval = atof(argv[1]), latest = 0;
  uint32_t skipped = 0;
  count = argc - 2;
  targets = calloc(count, sizeof *targets);
  for (uint32_t i = 0; i < count; i++) {
    targets[i].to.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, argv[i + 2], &targets[i].to.sin6_addr) != 1) return 2;
  }
  signal(SIGTERM, end);
  signal(SIGINT, end);
  id = htons((uint16_t)getpid());
  sock = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  struct icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
  int room = 64 << 20; /* bytes: on a busy machine answers wait a while until they are read */
  if (sock < 0 || setsockopt(sock, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0) {
    perror("pinger");
    return 1;
  }
  setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  printf("ready\n");
  fflush(stdout);

  double begun = now();
  struct pollfd input = {.fd = 0, .events = POLLIN};
  for (uint64_t next = 0; !over;) {
    double due = begun + next * interval / count, late = now() - due;
    if (late > latest) latest = late;
    /* What cannot be sent within an interval is given up: pings that come in a heap say nothing about time. */
    for (; late > interval; late -= interval / count) next++, skipped++;
    if (late >= 0) {
      skipped += send_ping(next++ % count);
      if (next % 16 != 0) continue;
    }
    receive();
    /* At least 1 ms at a time: a burst of some pings, rather than a wake-up for each. */
    char byte;
    if (poll(&input, 1, late < 0) > 0 && read(0, &byte, 1) <= 0) over = 1;
  }
  for (double until = now() + 500; now() < until; usleep(1000)) receive();
  report(interval, latest, skipped);
  return 0;
}
