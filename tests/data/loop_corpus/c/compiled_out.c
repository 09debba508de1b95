#include <stdio.h>

int main(void) {
#if 0
    while (1) { }
#endif
    puts("ok");
}
