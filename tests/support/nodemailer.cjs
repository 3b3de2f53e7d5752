// Sends one message with nodemailer: node nodemailer.cjs MODULE < JSON {transport, envelope, file}.
'use strict';
const fs = require('fs');
const nodemailer = require(process.argv[2]);
const order = JSON.parse(fs.readFileSync(0, 'utf8'));
if (order.transport.tls.caFile) {
    order.transport.tls.ca = fs.readFileSync(order.transport.tls.caFile);
}
const transport = nodemailer.createTransport(order.transport);
transport.sendMail({ envelope: order.envelope, raw: fs.readFileSync(order.file) }).then(
    (info) => { console.log(info.response); transport.close(); },
    (error) => { console.error(error.message); process.exit(1); }
);
