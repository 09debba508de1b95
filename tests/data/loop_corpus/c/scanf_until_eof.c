#include <stdio.h>

int main(void) {
    int n;
    while (1) {
        if (scanf("%d", &n) != 1)
            break;
        printf("%d\n", n * 2);
    }
    return 0;
}
