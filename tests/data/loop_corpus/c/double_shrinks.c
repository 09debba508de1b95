#include <stdio.h>

int main(void) {
    double x = 5;
    while (x != 2.5) {
        x = x / 2;
    }
    printf("%f\n", x);
}
