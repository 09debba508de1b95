#include <stdio.h>

int main(void) {
    int n = 0;
    while (1) {
        printf("%d\n", n);
        n = n + 1;
    }
}
