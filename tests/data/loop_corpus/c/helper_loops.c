#include <stdio.h>

static void spin(void) {
    do {
        puts("spin");
    } while (1 == 1);
}

int main(void) {
    spin();
    return 0;
}
