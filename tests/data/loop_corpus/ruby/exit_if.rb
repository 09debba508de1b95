n = 0
loop do
  n += 1
  exit if n == 5
end
