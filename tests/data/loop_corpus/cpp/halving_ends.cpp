#include <iostream>

int main() {
    int n = 100;
    while (n > 0) {
        std::cout << n << "\n";
        n /= 2;
    }
}
