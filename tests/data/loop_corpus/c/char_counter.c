#include <stdio.h>

int main(void) {
    for (unsigned char c = 0; c < 256; c++) {
        printf("%d\n", c);
    }
}
