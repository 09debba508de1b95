while 0
  puts "zero counts as true"
end
