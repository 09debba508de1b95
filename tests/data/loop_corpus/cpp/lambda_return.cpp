#include <iostream>

int main() {
    int n = 0;
    while (!false) {
        auto give_up = [] { return 1; };
        n += 1;
        std::cout << n;
    }
}
