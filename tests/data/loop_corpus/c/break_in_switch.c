#include <stdio.h>

int main(void) {
    int mode = 2;
    for (;;) {
        switch (mode) {
        case 1:
            puts("one");
            break;
        default:
            puts("other");
            break;
        }
    }
}
