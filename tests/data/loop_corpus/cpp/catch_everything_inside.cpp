#include <iostream>
#include <stdexcept>

int main() {
    int tries = 0;
    while (true) {
        try {
            tries++;
            throw std::runtime_error("no");
        } catch (...) {
            std::cout << "failed " << tries << "\n";
        }
    }
}
