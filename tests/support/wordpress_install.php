<?php
// Installs WordPress into its empty database and prints an application password per role, as JSON.
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = parse_url($argv[1], PHP_URL_HOST) . ':' . parse_url($argv[1], PHP_URL_PORT);
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require __DIR__ . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

// Installing would mail the administrator.
function wp_new_blog_notification($title, $url, $id, $password) {}

wp_install('Test', 'admin', 'admin@example.com', true, '', wp_generate_password());
update_option('siteurl', $argv[1]);
update_option('home', $argv[1]);
$passwords = [];
foreach (['administrator', 'editor', 'author', 'contributor', 'subscriber'] as $role) {
    $id = wp_insert_user(['user_login' => $role, 'user_pass' => wp_generate_password(), 'role' => $role,
                          'user_email' => "$role@example.com"]);
    [$password] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'mailferry']);
    $passwords[$role] = WP_Application_Passwords::chunk_password($password);
}
echo json_encode($passwords);
