/* A machine without one family of addresses: as many processes as are started with it find no socket of that kind. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int family, int kind, int protocol) {
    const char *missing = getenv("MISSING_FAMILY");
    if (missing && family == atoi(missing)) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return syscall(SYS_socket, family, kind, protocol);
}
