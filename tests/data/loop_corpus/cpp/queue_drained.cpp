#include <queue>

int main() {
    std::queue<int> q;
    q.push(1);
    while (!q.empty()) q.pop();
}
