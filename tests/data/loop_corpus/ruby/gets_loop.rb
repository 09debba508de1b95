while line = gets
  puts line.upcase
end
