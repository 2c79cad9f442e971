// An ordinary program that does nothing with the network; it must end at once.
console.log('idle');
