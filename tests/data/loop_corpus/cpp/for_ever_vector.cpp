#include <iostream>
#include <vector>
using namespace std;

int main() {
    vector<int> v;
    for (;;) {
        v.push_back(1);
        cout << v.size() << "\n";
    }
}
