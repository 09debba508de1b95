#include <iostream>
#include <vector>

int main() {
    std::vector<int> v{3, 1, 2};
    for (std::size_t i = v.size() - 1; i >= 0; i--) {
        std::cout << i << "\n";
    }
}
