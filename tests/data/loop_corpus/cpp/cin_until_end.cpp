#include <iostream>

int main() {
    int n;
    while (true) {
        std::cin >> n;
        if (!std::cin) break;
        std::cout << n << "\n";
    }
}
