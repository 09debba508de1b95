#include <stdio.h>

int main(void) {
    int i = 0;
    int *p = &i;
    while (i < 10) {
        *p = *p + 1;
    }
    printf("%d\n", i);
}
