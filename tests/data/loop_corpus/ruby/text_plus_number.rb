i = 0
loop do
  puts "i: " + i
  i += 1
end
