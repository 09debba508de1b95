#include <stdio.h>

int main(void) {
    int i = 0;
    while (i < 100) {
        printf("%d\n", i);
        i = i * 2;
    }
}
