#include <stdio.h>

int left = 4;

void take(void) { left--; }

int main(void) {
    while (left > 0) {
        take();
    }
    return 0;
}
