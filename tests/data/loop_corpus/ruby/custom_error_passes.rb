class Quit < Exception; end

n = 0
while true
  begin
    n += 1
    raise Quit if n > 2
  rescue => e
    puts "rescued"
  end
end
