queue = [1, 2, 3]
until queue.empty?
  queue.shift
end
