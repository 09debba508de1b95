loop do
  puts "hello"
end
