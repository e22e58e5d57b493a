/*
 * A saw behind libmodbus. Every answer that carries the sequence register takes the next number and records it in the
 * ledger (JSON lines, as the simulators do) before it is sent.
 *
 * Environment: MACHINE, HOST, PORT (Modbus), HTTP_PORT (GET /ledger), LEDGER_DIR, MAX_SESSIONS.
 *
 * Map, addresses from 0, high word first. Holding registers: 0-1 sequence (UInt32), 2 state, 3 good parts (16 bits, rolls
 * over), 4 rejected parts, 6-7 power in kW (Float32). Input register 0: blade temperature in 0.1 Cel. Discrete input 0:
 * guard closed. Whatever else is asked for is answered with an exception.
 */
#include <errno.h>
#include <modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <arpa/inet.h>

enum { SEQUENCE = 0, STATE = 2, GOOD = 3, REJECTED = 4, POWER = 6, HOLDING = 8 };
enum { READ_HOLDING = 3, CYCLE_SECONDS = 6, HEADER = 7 };

static volatile sig_atomic_t stopping;

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static void stop(int number)
{
    (void) number;
    stopping = 1;
}

static long long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long long) now.tv_sec * 1000000000LL + now.tv_nsec / 1000 * 1000;
}

static const char *path_of_ledger(void)
{
    static char path[512];
    if (!*path)
        snprintf(path, sizeof path, "%s/%s.jsonl", setting("LEDGER_DIR", "."), setting("MACHINE", "foreign-modbus"));
    return path;
}

/* The last number of an existing ledger: numbering goes on where it ends. */
static unsigned last_number(void)
{
    char line[256];
    unsigned last = 0;
    FILE *file = fopen(path_of_ledger(), "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *found = strstr(line, "\"n\":");
        if (found && strchr(line, '\n'))
            last = (unsigned) strtoul(found + 4, NULL, 10);
    }
    if (file)
        fclose(file);
    return last;
}

/* The registers of the parts are shown with the number, so the ledger holds both. */
static unsigned offer(FILE *ledger, unsigned number, const uint16_t *registers)
{
    static const char line[] = "{\"machine\":\"%s\",\"n\":%u,\"t\":%lld,\"good\":%u,\"rejected\":%u}\n";
    fprintf(ledger, line, setting("MACHINE", "foreign-modbus"), number, nanoseconds(), registers[GOOD], registers[REJECTED]);
    fflush(ledger);
    return number;
}

/* High word first; modbus_set_float_abcd differs between versions of the library. */
static void set_float(modbus_mapping_t *map, int address, float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    MODBUS_SET_INT32_TO_INT16(map->tab_registers, address, bits);
}

/* What the saw does after so many seconds: 60 of production, 12 of set-up, 6 of delay, and so on. */
static void show(modbus_mapping_t *map, time_t seconds)
{
    static const int states[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3};
    time_t round = seconds / 78, rest = seconds % 78;
    time_t parts = (round * 60 + (rest < 60 ? rest : 60)) / CYCLE_SECONDS;
    int state = states[rest / 6];
    map->tab_registers[STATE] = (uint16_t) state;
    map->tab_registers[GOOD] = (uint16_t) (parts - parts / 20);
    map->tab_registers[REJECTED] = (uint16_t) (parts / 20);
    set_float(map, POWER, state == 1 ? 4.2F + 0.1F * (float) (rest % 7) : 0.4F);
    map->tab_input_registers[0] = (uint16_t) (state == 1 ? 400 + rest : 250);
    map->tab_input_bits[0] = state != 2;
}

/* Whether a request reads the first register of the sequence. */
static int takes_number(const uint8_t *query, int length)
{
    if (length < HEADER + 5 || query[HEADER] != READ_HOLDING)
        return 0;
    int first = query[HEADER + 1] << 8 | query[HEADER + 2], count = query[HEADER + 3] << 8 | query[HEADER + 4];
    return first == SEQUENCE && count >= 1 && first + count <= HOLDING;
}

static int listen_at(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
    int made = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (made < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return -1;
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(made, (struct sockaddr *) &address, sizeof address) || listen(made, 16))
        return -1;
    return made;
}

/* Any request is answered with the whole ledger: there is nothing else to ask for. */
static void serve_ledger(int listener)
{
    char block[4096];
    int client = accept(listener, NULL, NULL);
    FILE *file = fopen(path_of_ledger(), "r");
    size_t size = client < 0 ? 0 : (size_t) recv(client, block, sizeof block, 0);
    if (client >= 0 && (ssize_t) size > 0) {
        static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
        send(client, head, sizeof head - 1, MSG_NOSIGNAL);
        while (file && (size = fread(block, 1, sizeof block, file)) > 0)
            send(client, block, size, MSG_NOSIGNAL);
    }
    if (file)
        fclose(file);
    if (client >= 0)
        close(client);
}

/* Answer one request of a connection; 0 when the connection is over. */
static int serve(modbus_t *context, int client, modbus_mapping_t *map, FILE *ledger, unsigned *number, time_t start)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(context, client);
    int length = modbus_receive(context, query);
    if (length < 0)
        return 0;
    show(map, time(NULL) - start);
    if (takes_number(query, length)) {
        int32_t offered = (int32_t) offer(ledger, ++*number, map->tab_registers);
        MODBUS_SET_INT32_TO_INT16(map->tab_registers, SEQUENCE, offered);
    }
    return modbus_reply(context, query, length, map) >= 0;
}

static void run(modbus_t *context, int modbus, int http, modbus_mapping_t *map, FILE *ledger)
{
    fd_set open, ready;
    unsigned number = last_number();
    int sessions = 0, most = atoi(setting("MAX_SESSIONS", "3"));
    time_t start = time(NULL);
    FD_ZERO(&open);
    FD_SET(modbus, &open);
    FD_SET(http, &open);
    while (!stopping) {
        ready = open;
        if (select(FD_SETSIZE, &ready, NULL, NULL, NULL) < 0)
            continue;
        for (int each = 0; each < FD_SETSIZE; each++) {
            if (!FD_ISSET(each, &ready))
                continue;
            if (each == http) {
                serve_ledger(http);
            } else if (each == modbus) {
                int client = accept(modbus, NULL, NULL);
                if (client >= 0 && (sessions >= most || client >= FD_SETSIZE))
                    close(client);
                else if (client >= 0)
                    FD_SET(client, &open), sessions++;
            } else if (!serve(context, each, map, ledger, &number, start)) {
                close(each);
                FD_CLR(each, &open);
                sessions--;
            }
        }
    }
}

int main(void)
{
    const char *host = setting("HOST", "0.0.0.0");
    int port = atoi(setting("PORT", "5020"));
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    modbus_t *context = modbus_new_tcp(host, port);
    modbus_mapping_t *map = modbus_mapping_new(0, 1, HOLDING, 1);
    FILE *ledger = fopen(path_of_ledger(), "a");
    int modbus = listen_at(host, port), http = listen_at(host, atoi(setting("HTTP_PORT", "8080")));
    if (!context || !map || !ledger || modbus < 0 || http < 0) {
        fprintf(stderr, "cannot start: %s\n", strerror(errno));
        return 1;
    }
    printf("%s: Modbus TCP at port %d\n", setting("MACHINE", "foreign-modbus"), port);
    fflush(stdout);
    run(context, modbus, http, map, ledger);
    fclose(ledger);
    modbus_mapping_free(map);
    modbus_free(context);
    return 0;
}
