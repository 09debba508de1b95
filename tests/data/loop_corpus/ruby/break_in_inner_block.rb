loop do
  [1, 2, 3].each do |x|
    break if x == 2
  end
  puts "still here"
end
