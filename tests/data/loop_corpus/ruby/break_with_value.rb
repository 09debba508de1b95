n = 0
result = loop do
  n += 3
  break n if n > 10
end
puts result
