#include <stdio.h>

int main(void) {
    int n = 3;
    while (1) {
        printf("%d\n", 12 / n);
        n--;
    }
}
