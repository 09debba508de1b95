#include <stdio.h>

int main(void) {
again:
    puts("again");
    goto again;
}
