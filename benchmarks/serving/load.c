/* load: HTTP/1.1 load on 127.0.0.1, and when each answer, and each event in it, came.
 *
 *   load PORT [-c connections] [-s seconds] [-n requests] [-x limit] [-p path] [-H header]...
 *        [-b bodies] [-e marker] [-r pause] [-o answers]
 *
 * One thread, epoll, a closed loop: each connection is kept open and sends its next request when
 * the last one is answered. New requests stop after `seconds` or `requests`, whichever is first;
 * those under way are waited for until `limit` seconds after the start. Requests are POSTs; the
 * file `bodies` has one JSON body a line, taken in turn. An answer counts when its status is 200;
 * with `pause`, a request refused with 409, 429 or 503 is sent again after so many seconds, and its
 * time still counts from the first try.
 * `marker` is a string that an answer's body has once for each event: its arrivals are stamped
 * when the bytes are read, so events of one read have one time. `answers` gets the bodies of
 * all 200s: a line "number body length", then the bytes, then a line's end.
 *
 * The result is one JSON object on stdout; times are in seconds. Percentiles come from
 * histograms whose buckets are 0.8 % wide.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_AT_ONCE (256 * 1024)
#define HEAD_MOST (16 * 1024)
#define REFUSALS_MOST 200 /* in a row: nobody listens */

/* ---- growing bytes ---- */

typedef struct {
    char *data;
    size_t length, room;
} Bytes;

static void append(Bytes *bytes, const char *data, size_t length) {
    if (bytes->length + length + 1 > bytes->room) {
        bytes->room = (bytes->length + length + 1) * 2;
        bytes->data = realloc(bytes->data, bytes->room);
        if (!bytes->data) {
            perror("load");
            exit(1);
        }
    }
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
    bytes->data[bytes->length] = 0;
}

/* ---- times, as histograms: 128 buckets to each doubling of the nanoseconds ---- */

#define STEPS 128
#define BUCKETS (57 * STEPS)

typedef struct {
    uint64_t count, most, buckets[BUCKETS];
    double sum;
} Times;

static void note(Times *times, uint64_t ns) {
    unsigned shift = ns < STEPS ? 0 : 57 - (unsigned)__builtin_clzll(ns);
    unsigned bucket = ns < STEPS ? (unsigned)ns : shift * STEPS + (unsigned)((ns >> (shift - 1)) & (STEPS - 1));
    times->buckets[bucket]++;
    times->count++;
    times->sum += (double)ns;
    if (ns > times->most) times->most = ns;
}

/* The time below which a share of all lie: the middle of its bucket. */
static double share(const Times *times, double part) {
    uint64_t wanted = (uint64_t)(part * (double)times->count), seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += times->buckets[bucket];
        if (seen > wanted) {
            if (bucket < STEPS) return bucket / 1e9;
            unsigned shift = bucket / STEPS - 1;
            double start = (double)((uint64_t)(STEPS + bucket % STEPS) << shift);
            double middle = start + (double)(1ull << shift) / 2;
            return (middle < (double)times->most ? middle : (double)times->most) / 1e9;
        }
    }
    return (double)times->most / 1e9;
}

static void tell(const char *name, const Times *times) {
    if (!times->count) {
        printf("\"%s\":null,", name);
        return;
    }
    printf("\"%s\":{\"count\":%llu,\"mean\":%.9f,\"p50\":%.9f,\"p90\":%.9f,\"p99\":%.9f,\"most\":%.9f},",
           name, (unsigned long long)times->count, times->sum / (double)times->count / 1e9,
           share(times, 0.5), share(times, 0.9), share(times, 0.99), (double)times->most / 1e9);
}

/* ---- what was asked for ---- */

static struct {
    int port, connections;
    double seconds, limit;
    uint64_t requests, pause; /* nanoseconds */
    const char *path, *marker, *answers;
    size_t marker_length;
    int fallback[256]; /* where a broken match of the marker goes on (Knuth, Morris, Pratt) */
} asked = {.connections = 1, .seconds = 1, .limit = 0, .requests = UINT64_MAX, .path = "/predictions"};

static Bytes *requests; /* whole requests, head and body */
static size_t request_count;

/* ---- what came of it ---- */

static struct {
    uint64_t sent, answered, statuses[600], broken, events, events_least, events_most, bytes;
    Times latency, first, gap;
} found = {.events_least = UINT64_MAX};

static FILE *answers;
static uint64_t now, begun;

static uint64_t clock_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

/* ---- a connection ---- */

typedef enum { HEAD, LENGTH, UNTIL_CLOSED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILERS } Part;

typedef struct {
    int fd, busy, writing, closes;
    uint64_t again_at; /* when to send a refused request again; 0: none waits */
    size_t request, written; /* which of the requests, and how much of it is sent */
    uint64_t number, sent_at, last_event, events;
    Part part;
    uint64_t left; /* bytes of the body, or of the chunk */
    int status, matched, line;
    Bytes head, body;
} Connection;

static int epoll, refusals;
static int at_work; /* connections that are open, or wait to send again */

static int may_send(void) {
    return found.sent < asked.requests && (double)(now - begun) / 1e9 < asked.seconds;
}

static void watch(Connection *connection, int write) {
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
    connection->writing = write;
}

static void go_on_writing(Connection *connection) {
    Bytes *request = &requests[connection->request];
    while (connection->written < request->length) {
        ssize_t done = send(connection->fd, request->data + connection->written,
                            request->length - connection->written, MSG_NOSIGNAL);
        if (done < 0) {
            if (errno == EAGAIN && !connection->writing) watch(connection, 1);
            return; /* a broken connection is seen when it is read */
        }
        connection->written += (size_t)done;
    }
    if (connection->writing) watch(connection, 0);
}

static void start(Connection *connection) {
    connection->written = 0;
    connection->events = 0;
    connection->busy = 1;
    connection->part = HEAD;
    connection->matched = 0;
    connection->head.length = connection->body.length = 0;
    go_on_writing(connection);
}

static void ask(Connection *connection) {
    connection->number = found.sent++;
    connection->request = connection->number % request_count;
    connection->sent_at = now;
    start(connection);
}

static void hang_up(Connection *connection) {
    close(connection->fd);
    connection->fd = -1;
    at_work--;
}

static int dial(Connection *connection) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)asked.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0) {
        perror("load: socket");
        exit(1);
    }
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)) {
        close(connection->fd);
        connection->fd = -1;
        found.broken++;
        if (++refusals >= REFUSALS_MOST) {
            fprintf(stderr, "load: nobody listens at port %d\n", asked.port);
            exit(1);
        }
        return 0;
    }
    refusals = 0;
    int yes = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
    at_work++;
    connection->writing = connection->busy = 0;
    now = clock_ns();
    return 1;
}

static void redial(Connection *connection) {
    while (connection->fd < 0 && may_send())
        if (dial(connection)) ask(connection);
}

static void ask_again(Connection *connection) {
    connection->again_at = 0;
    if (connection->fd < 0) {
        at_work--;
        if (!dial(connection)) return;
    }
    start(connection);
}

/* ---- an answer ---- */

static void event(Connection *connection) {
    if (connection->events++)
        note(&found.gap, now - connection->last_event);
    else
        note(&found.first, now - connection->sent_at);
    connection->last_event = now;
}

static void body(Connection *connection, const char *data, size_t length) {
    found.bytes += length;
    if (connection->status != 200) return;
    if (answers) append(&connection->body, data, length);
    if (!asked.marker) return;
    const char *end = data + length;
    int matched = connection->matched;
    for (; data < end; data++) {
        if (!matched) {
            data = memchr(data, asked.marker[0], (size_t)(end - data));
            if (!data) break;
        }
        while (matched && *data != asked.marker[matched]) matched = asked.fallback[matched - 1];
        if (*data == asked.marker[matched]) matched++;
        if ((size_t)matched == asked.marker_length) {
            event(connection);
            matched = 0;
        }
    }
    connection->matched = matched;
}

static int refused(int status) {
    return status == 409 || status == 429 || status == 503;
}

static void whole(Connection *connection) {
    found.answered++;
    found.statuses[connection->status]++;
    connection->busy = 0;
    if (connection->status == 200) {
        note(&found.latency, now - connection->sent_at);
        found.events += connection->events;
        if (connection->events < found.events_least) found.events_least = connection->events;
        if (connection->events > found.events_most) found.events_most = connection->events;
        if (answers) {
            fprintf(answers, "%llu %zu %zu\n", (unsigned long long)connection->number,
                    connection->request, connection->body.length);
            fwrite(connection->body.data, 1, connection->body.length, answers);
            fputc('\n', answers);
        }
    }
    if (asked.pause && refused(connection->status)) {
        if (connection->closes) {
            hang_up(connection);
            at_work++;
        }
        connection->again_at = now + asked.pause;
    } else if (connection->closes) {
        hang_up(connection);
        redial(connection);
    } else if (may_send()) {
        ask(connection);
    } else {
        hang_up(connection);
    }
}

static void broken(Connection *connection) {
    found.broken++;
    connection->busy = 0;
    connection->again_at = 0;
    hang_up(connection);
    redial(connection);
}

/* A header's value in a head, or NULL. */
static const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (!strncasecmp(line, name, length) && line[length] == ':') {
            line += length + 1;
            return line + strspn(line, " \t");
        }
    }
    return NULL;
}

/* The head is there: how does the body end? 0 when this is no answer that we can read. */
static int headed(Connection *connection) {
    const char *head = connection->head.data;
    if (sscanf(head, "HTTP/1.%*c %d", &connection->status) != 1) return 0;
    if (connection->status < 100 || connection->status > 599) return 0;
    const char *closes = header(head, "connection"), *coding = header(head, "transfer-encoding");
    const char *length = header(head, "content-length");
    connection->closes = closes && !strncasecmp(closes, "close", 5);
    if (coding && !strncasecmp(coding, "chunked", 7)) {
        connection->part = CHUNK_SIZE;
        connection->left = 0;
        connection->line = 0;
    } else if (length) {
        connection->part = LENGTH;
        connection->left = strtoull(length, NULL, 10);
    } else {
        connection->part = UNTIL_CLOSED;
        connection->closes = 1;
    }
    return 1;
}

static int hex(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit |= 32;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Read on in a head; how many bytes were used, 0 when it cannot be read. */
static size_t in_head(Connection *connection, const char *data, size_t length) {
    size_t before = connection->head.length, seen = before > 3 ? before - 3 : 0;
    append(&connection->head, data, length);
    char *end = memmem(connection->head.data + seen, connection->head.length - seen, "\r\n\r\n", 4);
    if (!end) return connection->head.length > HEAD_MOST ? 0 : length;
    size_t head = (size_t)(end - connection->head.data) + 4;
    connection->head.data[head - 2] = 0;
    return headed(connection) ? head - before : 0;
}

/* Read on in a chunked body, a step; how many bytes were used. */
static size_t in_chunks(Connection *connection, const char *data, size_t length) {
    switch (connection->part) {
        case CHUNK_SIZE: /* digits, perhaps an extension, a line's end */
            if (*data == '\n') {
                connection->part = connection->left ? CHUNK_DATA : TRAILERS;
                connection->line = 0;
            } else if (!connection->line && hex(*data) >= 0) {
                connection->left = connection->left * 16 + (uint64_t)hex(*data);
            } else {
                connection->line = 1; /* past the digits */
            }
            return 1;
        case CHUNK_DATA: {
            size_t part = length < connection->left ? length : connection->left;
            body(connection, data, part);
            connection->left -= part;
            if (!connection->left) connection->part = CHUNK_END;
            return part;
        }
        case CHUNK_END:
            if (*data == '\n') connection->part = CHUNK_SIZE;
            return 1;
        default: /* TRAILERS: lines, the last of them empty */
            if (*data == '\n') {
                if (!connection->line) whole(connection);
                connection->line = 0;
            } else if (*data != '\r') {
                connection->line = 1;
            }
            return 1;
    }
}

static void received(Connection *connection, const char *data, size_t length) {
    uint64_t answered = found.answered;
    while (length && connection->busy && found.answered == answered) {
        size_t used;
        if (connection->part == HEAD) {
            used = in_head(connection, data, length);
            if (!used) {
                broken(connection);
                return;
            }
            if (connection->part == LENGTH && !connection->left) whole(connection);
        } else if (connection->part == LENGTH) {
            used = length < connection->left ? length : connection->left;
            body(connection, data, used);
            connection->left -= used;
            if (!connection->left) whole(connection);
        } else if (connection->part == UNTIL_CLOSED) {
            used = length;
            body(connection, data, used);
        } else {
            used = in_chunks(connection, data, length);
        }
        data += used;
        length -= used;
    }
}

static void ready(Connection *connection, uint32_t events) {
    static char data[READ_AT_ONCE];
    if (events & EPOLLOUT) go_on_writing(connection);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    ssize_t length = recv(connection->fd, data, sizeof data, 0);
    now = clock_ns();
    if (length > 0)
        received(connection, data, (size_t)length);
    else if (length < 0 && errno == EAGAIN)
        return;
    else if (length == 0 && connection->busy && connection->part == UNTIL_CLOSED)
        whole(connection);
    else
        broken(connection);
}

/* ---- the whole run ---- */

static void make_requests(const char *file, const Bytes *headers) {
    Bytes lines = {0};
    append(&lines, "", 0);
    if (file) {
        FILE *from = fopen(file, "r");
        if (!from) {
            perror(file);
            exit(2);
        }
        char block[65536];
        for (size_t got; (got = fread(block, 1, sizeof block, from));) append(&lines, block, got);
        fclose(from);
    } else {
        append(&lines, "{}\n", 3);
    }
    for (char *line = lines.data; *line;) {
        size_t length = strcspn(line, "\n");
        char head[1024];
        int size = snprintf(head, sizeof head,
                            "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n",
                            asked.path, asked.port, length);
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        Bytes *request = &requests[request_count++];
        memset(request, 0, sizeof *request);
        append(request, head, (size_t)size);
        if (headers->length) append(request, headers->data, headers->length);
        append(request, "\r\n", 2);
        append(request, line, length);
        line += length + (line[length] == '\n');
    }
    free(lines.data);
}

static void learn_marker(void) {
    asked.marker_length = strlen(asked.marker);
    if (!asked.marker_length || asked.marker_length > 255) {
        fprintf(stderr, "load: a marker has 1 to 255 bytes\n");
        exit(2);
    }
    for (size_t at = 1, matched = 0; at < asked.marker_length; at++) {
        while (matched && asked.marker[at] != asked.marker[matched])
            matched = (size_t)asked.fallback[matched - 1];
        if (asked.marker[at] == asked.marker[matched]) matched++;
        asked.fallback[at] = (int)matched;
    }
}

static void run(void) {
    Connection *connections = calloc((size_t)asked.connections, sizeof *connections);
    struct epoll_event events[256];
    epoll = epoll_create1(0);
    begun = now = clock_ns();
    for (int which = 0; which < asked.connections; which++) {
        connections[which].fd = -1;
        redial(&connections[which]);
    }
    while (at_work && (double)(now - begun) / 1e9 < asked.limit) {
        int count = epoll_wait(epoll, events, 256, asked.pause ? 1 : 50);
        now = clock_ns();
        for (int which = 0; which < count; which++) ready(events[which].data.ptr, events[which].events);
        for (int which = 0; asked.pause && which < asked.connections; which++)
            if (connections[which].again_at && connections[which].again_at <= now)
                ask_again(&connections[which]);
    }
}

static void report(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"seconds\":%.6f,\"sent\":%llu,\"answered\":%llu,\"ok\":%llu,\"broken\":%llu,\"unfinished\":%llu,",
           (double)(now - begun) / 1e9, (unsigned long long)found.sent,
           (unsigned long long)found.answered, (unsigned long long)found.statuses[200],
           (unsigned long long)found.broken,
           (unsigned long long)(found.sent > found.answered + found.broken ? found.sent - found.answered - found.broken : 0));
    printf("\"statuses\":{");
    for (int status = 0, any = 0; status < 600; status++)
        if (found.statuses[status])
            printf("%s\"%d\":%llu", any++ ? "," : "", status, (unsigned long long)found.statuses[status]);
    printf("},\"bytes\":%llu,\"events\":%llu,\"events_least\":%llu,\"events_most\":%llu,",
           (unsigned long long)found.bytes, (unsigned long long)found.events,
           (unsigned long long)(found.events_least == UINT64_MAX ? 0 : found.events_least),
           (unsigned long long)found.events_most);
    tell("latency", &found.latency);
    tell("first", &found.first);
    tell("gap", &found.gap);
    printf("\"cpu\":%.6f}\n",
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

int main(int count, char **words) {
    const char *bodies = NULL;
    Bytes headers = {0};
    for (int option; (option = getopt(count, words, "c:s:n:x:p:H:b:e:r:o:")) != -1;) {
        switch (option) {
            case 'c': asked.connections = atoi(optarg); break;
            case 's': asked.seconds = atof(optarg); break;
            case 'n': asked.requests = strtoull(optarg, NULL, 10); break;
            case 'x': asked.limit = atof(optarg); break;
            case 'p': asked.path = optarg; break;
            case 'b': bodies = optarg; break;
            case 'e': asked.marker = optarg; break;
            case 'r': asked.pause = (uint64_t)(atof(optarg) * 1e9); break;
            case 'o': asked.answers = optarg; break;
            case 'H':
                append(&headers, optarg, strlen(optarg));
                append(&headers, "\r\n", 2);
                break;
            default: return 2;
        }
    }
    asked.port = optind < count ? atoi(words[optind]) : 0;
    if (asked.port < 1 || asked.port > 65535 || asked.connections < 1 || asked.seconds <= 0) {
        fprintf(stderr, "usage: load [options] PORT (see the head of load.c)\n");
        return 2;
    }
    if (asked.limit <= 0) asked.limit = asked.seconds + 30;
    if (asked.marker) learn_marker();
    if (asked.answers && !(answers = fopen(asked.answers, "w"))) {
        perror(asked.answers);
        return 2;
    }
    make_requests(bodies, &headers);
    run();
    report();
    if (answers) fclose(answers);
    return 0;
}
