<?php
// prepare.php SITE : installs the site and prints the accounts of the tests as one JSON line.
// `admin` may publish; `reader` may only read.
$url = getenv('WORDPRESS_URL');
$host = preg_replace('#^https?://#', '', $url);
$_SERVER += ['HTTP_HOST' => $host, 'REQUEST_URI' => '/', 'REQUEST_METHOD' => 'GET', 'SERVER_PROTOCOL' => 'HTTP/1.1'];
define('WP_INSTALLING', true);
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

function password_of(int $user): string
{
    return WP_Application_Passwords::create_new_application_password($user, ['name' => 'holdline'])[0];
}

ob_start(); // the installer chats, and would send mail
add_filter('pre_wp_mail', '__return_true');
$made = wp_install('Bank', 'admin', 'admin@example.test', true, '', bin2hex(random_bytes(16)));
update_option('permalink_structure', '/%postname%/');
$reader = wp_insert_user(['user_login' => 'reader', 'user_pass' => bin2hex(random_bytes(16)), 'role' => 'subscriber']);
flush_rewrite_rules(false);
ob_end_clean();

echo json_encode([
    'url' => $url,
    'account' => 'admin',
    'app_password' => password_of($made['user_id']),
    'reader' => 'reader',
    'reader_password' => password_of($reader),
], JSON_UNESCAPED_SLASHES), "\n";
