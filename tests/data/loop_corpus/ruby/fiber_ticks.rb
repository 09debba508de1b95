fiber = Fiber.new do
  n = 0
  loop do
    Fiber.yield n
    n += 1
  end
end
puts fiber.resume, fiber.resume
