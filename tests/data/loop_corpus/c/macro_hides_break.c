#include <stdio.h>
#define STOP break

int main(void) {
    int i = 0;
    while (1) {
        if (i++ > 4)
            STOP;
    }
    printf("%d\n", i);
}
