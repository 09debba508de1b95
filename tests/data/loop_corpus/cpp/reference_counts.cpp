#include <iostream>

int main() {
    int i = 0;
    int &r = i;
    while (i < 3) {
        r++;
    }
    std::cout << i;
}
