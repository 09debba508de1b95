e = [1, 2].each
loop do
  puts e.next
end
