#include <stdio.h>

int main(void) {
    int run = 1;
    while (run = 1) {
        puts("running");
        run = 0;
    }
}
