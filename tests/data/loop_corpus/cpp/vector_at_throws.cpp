#include <iostream>
#include <vector>

int main() {
    std::vector<int> v{1, 2, 3};
    int i = 0;
    while (true) {
        std::cout << v.at(i++);
    }
}
