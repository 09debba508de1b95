#include <stdio.h>
#include <stdlib.h>

void leave(int n) {
    if (n > 7)
        exit(0);
}

int main(void) {
    int n = 0;
    while (1) {
        leave(n++);
    }
}
