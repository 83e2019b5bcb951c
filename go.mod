module omsbox

go 1.26.0

require github.com/warthog618/sms v0.3.0
