#include <stdio.h>
#define TRUE 1

int main(void) {
    long beats = 0;
    while (TRUE) {
        beats++;
        printf("%ld\n", beats);
    }
}
